package record

// The limits of what a record holds, in bytes unless they say otherwise.
const (
	// MaxKeyLength is the length of the longest metadata key.
	MaxKeyLength = 256
	// MaxNameLength is how many bytes of a name, of a target's id or of a change's
	// field are kept. What is longer is cut and marked.
	MaxNameLength = 1024
	// MaxNesting is how deep values may be nested in one another.
	MaxNesting = 32
)
