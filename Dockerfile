# The service alone: one static binary in an empty image, run by nobody in particular.
ARG GO_IMAGE=golang:1.26

FROM ${GO_IMAGE} AS build
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
WORKDIR /src

# A layer of its own, so that a change of the code downloads nothing again.
COPY go.mod go.sum ./
RUN go mod download

COPY . .
ARG VERSION=dev
# The tag leaves out the embedded development database. There is no repository here to read a version from: it comes as an argument.
RUN go build -trimpath -buildvcs=false -tags production -ldflags "-s -w -X main.version=${VERSION}" -o /out/api ./cmd/api

FROM scratch
ARG VERSION=dev
LABEL org.opencontainers.image.title="api" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.vendor="Netrun Systems"

COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/api /api

# A number, because Kubernetes' runAsNonRoot cannot judge a name. Nothing in the image can be written to, and there is no /tmp.
USER 65532:65532
ENV HTTP_ADDR=:8080
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 CMD ["/api", "healthcheck"]
ENTRYPOINT ["/api"]
