package server

import "net"

// ClientIP finds the address of a client.
var ClientIP = clientIP

// RequestContext is the outermost middleware.
var RequestContext = requestContext

// AccessLog is the middleware that logs requests.
var AccessLog = accessLog

// RemoteSpan reads a traceparent header.
var RemoteSpan = remoteSpan

// BreakListener closes the public listener, as a failure of the system would.
func (s *Server) BreakListener() error { return s.publicListener.Close() }

// AdminAddr returns the address of the admin listener, or nil if there is none.
func (s *Server) AdminAddr() net.Addr {
	if s.adminListener == nil {
		return nil
	}
	return s.adminListener.Addr()
}
