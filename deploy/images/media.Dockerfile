# media-service, with media-worker, egress-forwarder and mtx-hook.
#   docker build -f deploy/images/media.Dockerfile --target media-service .

ARG BASE=debian:bookworm-20261005-slim
FROM ${BASE} AS build
COPY deploy/images/install-packages.sh apps/media-service/packages-dev.txt /lists/
RUN sh /lists/install-packages.sh --to-build /lists/packages-dev.txt
COPY . /source
RUN meson setup /build /source -Dservices=media-service \
    && ninja -C /build apps/media-service/media-service apps/media-service/mtx-hook \
        apps/media-service/worker/media-worker apps/media-service/egress/egress-forwarder \
    && install -s -D -t /programs /build/apps/media-service/media-service /build/apps/media-service/mtx-hook \
        /build/apps/media-service/worker/media-worker /build/apps/media-service/egress/egress-forwarder

FROM ${BASE} AS media-service
COPY deploy/images/install-packages.sh deploy/images/packages.txt deploy/images/unneeded-media.txt /usr/local/lib/dubbing/
COPY apps/media-service/packages.txt /usr/local/lib/dubbing/media-service/
RUN sh /usr/local/lib/dubbing/install-packages.sh --without /usr/local/lib/dubbing/unneeded-media.txt \
        /usr/local/lib/dubbing/packages.txt /usr/local/lib/dubbing/media-service/packages.txt \
    && groupadd --gid 10001 dubbing \
    && useradd --uid 10001 --gid dubbing --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin dubbing \
    && install -d -o dubbing -g dubbing -m 0750 /var/log/dubbing /var/lib/dubbing/state /var/lib/dubbing/runs \
    && install -d /etc/dubbing/streams.d
COPY --from=build /programs /usr/local/bin/
# Every worker starts with it instead of looking through all plugins, which it could not write down on a read-only root.
ENV GST_REGISTRY_1_0=/usr/share/dubbing/gstreamer-registry.bin
RUN install -d /usr/share/dubbing \
    && LOG_DIR='' media-worker --input-url /nonexistent.mp4 --output-url /tmp/none.mp4 >/dev/null 2>&1; \
    rm -f /tmp/none.mp4 && chmod 0644 "$GST_REGISTRY_1_0"
COPY deploy/images/health.sh deploy/images/sbom.sh /usr/local/lib/dubbing/
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
RUN sh /usr/local/lib/dubbing/sbom.sh media-service "$VERSION" "$CREATED"
LABEL org.opencontainers.image.title="media-service" \
    org.opencontainers.image.description="Control plane, worker and forwarder of the live dubbing stack" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.created="$CREATED" \
    org.opencontainers.image.licenses="GPL-3.0-or-later" \
    org.opencontainers.image.base.name="docker.io/library/debian:bookworm-20261005-slim" \
    dubbing.sbom="/usr/share/dubbing/sbom.spdx.json"
ENV GST_REGISTRY_UPDATE=no \
    ORCH_HTTP_ADDR=0.0.0.0:8080 \
    ORCH_STATE_DIR=/var/lib/dubbing/state \
    ORCH_STREAMS_DIR=/etc/dubbing/streams.d \
    ASSET_STORE_ROOT=/var/lib/dubbing/runs \
    LOG_DIR=/var/log/dubbing \
    LOG_FORMAT=json
VOLUME ["/var/lib/dubbing/state", "/var/lib/dubbing/runs", "/var/log/dubbing"]
EXPOSE 8080
WORKDIR /
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["bash", "/usr/local/lib/dubbing/health.sh", "media-service"]
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["media-service"]
