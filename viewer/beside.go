package viewer

// beside runs f in a goroutine. The function that it returns waits for its end. If f panicked, that
// function panics in the goroutine of the request, where net/http recovers: a store that panics
// must not end the service.
func beside(f func()) (wait func()) {
	panicked := make(chan any, 1)
	go func() {
		defer func() { panicked <- recover() }()
		f()
	}()
	return func() {
		if p := <-panicked; p != nil {
			panic(p)
		}
	}
}
