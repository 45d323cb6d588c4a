// Package cors lets web pages on other origins read responses, by the CORS protocol of the Fetch
// standard.
//
//	browsers, err := cors.New(cfg.CORS, log)
//	e.Use(browsers.Middleware)          // before everything that may refuse a request
//	err = browsers.Reconfigure(changed) // at any time
//
// Preflights, OPTIONS requests with Origin and Access-Control-Request-Method, are answered before
// authentication. A refused one is a CORS_VALIDATION_ERROR with details.reason. Other requests of a
// refused origin are handled, but browsers hide the response: CORS does not replace authorization.
//
// CORS_ORIGINS is a list of
//
//	https://app.example.com              exactly this origin, written as browsers send it
//	https://*.example.com                subdomains of any depth, but not example.com itself
//	http://localhost:*                   any port or none; also for 127.0.0.1 and [::1]
//	re:https://pr-[0-9]+\.example\.com   a regular expression for the whole origin
//	*                                    any origin
//
// CORS_PRESET, or else APP_ENVIRONMENT, chooses rules and defaults: development (any port of this
// machine, with credentials), staging (https), production (exact https origins), oauth (the same,
// with credentials, GET and POST) or custom. In production, "*" and plain http are always invalid.
// With credentials, "*" is invalid in each list, and unless CORS_DANGEROUSLY_ALLOW_CREDENTIALS is
// set, so are plain http, regular expressions and subdomains of public suffixes such as github.io.
//
// # Lifting it out
//
// Copy this folder and internal/platform/config, internal/platform/errors,
// internal/platform/logging, internal/platform/env/dotenv, internal/platform/env/spelling and
// internal/platform/env/strength. It imports Echo, logrus, golang.org/x/net and golang.org/x/time.
package cors
