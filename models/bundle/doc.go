// Package bundle is how models travel and are kept: a signed set of model
// files (a folder or a .tar.gz), and the folder of installed sets with a
// symlink to the one in force.
//
// A bundle is a manifest, its detached ed25519 signature and the model files
// that the manifest lists with their sizes and SHA-256. The signature is
// checked first; nothing else of a bundle is parsed, unpacked or written before
// it is known to come from a trusted key. Read reads an archive, ReadDir a
// folder, Fetch gets an archive from a web server, Write makes one. A Store
// puts a bundle into a versioned folder, switches to it atomically, and back.
//
// Whatever is in a bundle, or a server answers, reading it needs bounded memory
// and ends; Fetch ends in time. The package loads no model and asks no agent:
// what must be true of models before they are in force is handed in.
//
// Functions are safe for concurrent use. A Store is for one goroutine, and locks
// its folder against other processes.
package bundle
