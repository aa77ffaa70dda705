# media-router, with mtx-hook for its hooks.
#   docker build -f deploy/images/router.Dockerfile --target media-router .

ARG BASE=debian:bookworm-20261005-slim
FROM ${BASE} AS build
COPY deploy/images/install-packages.sh apps/media-router/packages-dev.txt /lists/
# GStreamer is what a benchmark compares with.
RUN sed -i '/^libgst/d' /lists/packages-dev.txt \
    && sh /lists/install-packages.sh --to-build /lists/packages-dev.txt
COPY . /source
# The hook is three files without a library; Meson builds it with media-service, which needs GStreamer.
RUN meson setup /build /source -Dservices=media-router \
    && ninja -C /build apps/media-router/media-router \
    && install -s -D -t /programs /build/apps/media-router/media-router \
    && cd /source/apps/media-service/mtx-hook \
    && gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -fstack-protector-strong -s -static -Wl,--no-warnings \
        -o /programs/mtx-hook mtx_hook.c hook_json.c hook_post.c

FROM ${BASE} AS media-router
COPY deploy/images/install-packages.sh deploy/images/packages.txt /usr/local/lib/dubbing/
COPY apps/media-router/packages.txt /usr/local/lib/dubbing/media-router/
RUN sh /usr/local/lib/dubbing/install-packages.sh \
        /usr/local/lib/dubbing/packages.txt /usr/local/lib/dubbing/media-router/packages.txt \
    && groupadd --gid 10001 dubbing \
    && useradd --uid 10001 --gid dubbing --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin dubbing \
    && install -d -o dubbing -g dubbing -m 0750 /var/log/dubbing
COPY --from=build /programs /usr/local/bin/
COPY deploy/images/health.sh deploy/images/sbom.sh /usr/local/lib/dubbing/
COPY config/router.yml /etc/dubbing/
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
RUN sh /usr/local/lib/dubbing/sbom.sh media-router "$VERSION" "$CREATED"
LABEL org.opencontainers.image.title="media-router" \
    org.opencontainers.image.description="RTMP and RTSP router of the live dubbing stack" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.created="$CREATED" \
    org.opencontainers.image.licenses="GPL-3.0-or-later" \
    org.opencontainers.image.base.name="docker.io/library/debian:bookworm-20261005-slim" \
    dubbing.sbom="/usr/share/dubbing/sbom.spdx.json"
ENV ROUTER_CONFIG=/etc/dubbing/router.yml \
    ROUTER_RTMP_ADDRESS=0.0.0.0:1935 \
    ROUTER_RTSP_ADDRESS=0.0.0.0:8554 \
    ROUTER_API_ADDRESS=0.0.0.0:9997 \
    ROUTER_METRICS_ADDRESS=0.0.0.0:9998 \
    LOG_DIR=/var/log/dubbing \
    LOG_FORMAT=json
VOLUME ["/var/log/dubbing"]
EXPOSE 1935 8554 9997 9998
WORKDIR /
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["bash", "/usr/local/lib/dubbing/health.sh", "media-router"]
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["media-router"]
