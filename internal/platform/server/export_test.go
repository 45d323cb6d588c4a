package server

// SignalContextWith is SignalContext with something else in the place of os.Exit.
var SignalContextWith = signalContext

// ClientIP is how the address of a client is found.
var ClientIP = clientIP
