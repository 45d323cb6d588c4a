package embedded

import "github.com/netrun-systems/go-service-template/internal/platform/logging"

var log = logging.For()
