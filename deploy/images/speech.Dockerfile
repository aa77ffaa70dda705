# sts-service, for processors alone and (sts-gpu) with the GPU backends. On the Debian release that carries whisper.cpp,
# llama.cpp and ONNX Runtime.
#   docker build -f deploy/images/speech.Dockerfile --target sts-service .

ARG BASE=debian:forky-20261005-slim
FROM ${BASE} AS build
COPY deploy/images/install-packages.sh apps/sts-service/packages-dev.txt apps/sts-service/packages-neural.txt /lists/
RUN sh /lists/install-packages.sh --to-build /lists/packages-dev.txt /lists/packages-neural.txt
COPY . /source
RUN meson setup /build /source -Dservices=sts-service -Dwhisper=enabled -Dllama=enabled -Dpiper=enabled \
    && ninja -C /build apps/sts-service/sts-service apps/sts-service/sts-espeak \
    && install -s -D -t /programs /build/apps/sts-service/sts-service /build/apps/sts-service/sts-espeak

FROM ${BASE} AS sts-service
COPY deploy/images/install-packages.sh deploy/images/packages.txt deploy/images/unneeded-speech.txt /usr/local/lib/dubbing/
COPY apps/sts-service/packages.txt deploy/images/packages-speech.txt /usr/local/lib/dubbing/sts-service/
RUN sh /usr/local/lib/dubbing/install-packages.sh --without /usr/local/lib/dubbing/unneeded-speech.txt \
        /usr/local/lib/dubbing/packages.txt \
        /usr/local/lib/dubbing/sts-service/packages.txt /usr/local/lib/dubbing/sts-service/packages-speech.txt \
    && groupadd --gid 10001 dubbing \
    && useradd --uid 10001 --gid dubbing --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin dubbing \
    && install -d -o dubbing -g dubbing -m 0750 /var/log/dubbing /var/lib/dubbing/models /var/lib/dubbing/artifacts
COPY config/voices.json /etc/dubbing/
COPY --from=build /programs /usr/local/bin/
COPY deploy/images/health.sh deploy/images/sbom.sh /usr/local/lib/dubbing/
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
RUN sh /usr/local/lib/dubbing/sbom.sh sts-service "$VERSION" "$CREATED"
LABEL org.opencontainers.image.title="sts-service" \
    org.opencontainers.image.description="Speech to speech service of the live dubbing stack" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.created="$CREATED" \
    org.opencontainers.image.licenses="GPL-3.0-or-later" \
    org.opencontainers.image.base.name="docker.io/library/debian:forky-20261005-slim" \
    dubbing.sbom="/usr/share/dubbing/sbom.spdx.json"
ENV STS_ADDR=0.0.0.0 \
    STS_PORT=8000 \
    STS_VOICES_FILE=/etc/dubbing/voices.json \
    STS_MODEL_CACHE_DIR=/var/lib/dubbing/models \
    LOG_DIR=/var/log/dubbing \
    LOG_FORMAT=json
VOLUME ["/var/lib/dubbing/models", "/var/lib/dubbing/artifacts", "/var/log/dubbing"]
EXPOSE 8000
WORKDIR /
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["bash", "/usr/local/lib/dubbing/health.sh", "sts-service"]
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["sts-service"]

# The same service beside the drivers of a GPU, which the container runtime of its host puts in.
FROM sts-service AS sts-gpu
USER 0:0
COPY deploy/images/packages-gpu.txt /usr/local/lib/dubbing/sts-service/
# What sts-service's image is without comes back first, for apt to have its order, and goes again in the end.
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends --fix-broken \
    && sh /usr/local/lib/dubbing/install-packages.sh --without /usr/local/lib/dubbing/unneeded-speech.txt \
        /usr/local/lib/dubbing/sts-service/packages-gpu.txt
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
RUN sh /usr/local/lib/dubbing/sbom.sh sts-gpu "$VERSION" "$CREATED"
LABEL org.opencontainers.image.title="sts-gpu" \
    org.opencontainers.image.description="Speech to speech service of the live dubbing stack, with GPU backends" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.created="$CREATED"
# Speech by Vulkan (graphics), metrics by NVML (utility).
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility
USER 10001:10001
