package config

// nameRule describes valid names of exporters and keys.
const nameRule = "it must be 1 to 64 lowercase letters, digits, underscores and hyphens"
