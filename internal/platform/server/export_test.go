package server

// SignalContextWith is SignalContext with something else in the place of os.Exit.
var SignalContextWith = signalContext
