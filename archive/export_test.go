package archive

// PartTarget is the size of the next part.
var PartTarget = partTarget
