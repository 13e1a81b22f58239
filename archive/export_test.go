package archive

// PartTarget is the size of the next part.
var PartTarget = partTarget

// Resize returns a buffer of a size.
var Resize = resize

// EncodeManifest writes the stored form of a manifest.
var EncodeManifest = (*Manifest).encode
