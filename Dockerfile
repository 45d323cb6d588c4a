# One static binary in an empty image, run by an unprivileged user.
ARG GO_IMAGE=golang:1.26

FROM ${GO_IMAGE} AS build
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
WORKDIR /src

# A separate layer, so that a code change does not download the modules again.
COPY go.mod go.sum ./
RUN go mod download

COPY . .
ARG VERSION=dev
# The tag production excludes the embedded database. The version is an argument because the build
# has no repository to read it from.
RUN go build -trimpath -buildvcs=false -tags production -ldflags "-s -w -X main.version=${VERSION}" -o /out/api ./cmd/api

FROM scratch
ARG VERSION=dev
LABEL org.opencontainers.image.title="api" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.vendor="Netrun Systems"

COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/api /api

# Numeric, because Kubernetes' runAsNonRoot does not accept a name. The user can write nowhere in
# the image, which has no /tmp.
USER 65532:65532
ENV HTTP_ADDR=:8080
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 CMD ["/api", "healthcheck"]
ENTRYPOINT ["/api"]
