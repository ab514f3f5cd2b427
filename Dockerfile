# pcnet on the CPU. PyTorch's page "Get Started" names the index of its CPU wheels; the usual wheel for
# Linux works too, and brings several GB of CUDA into the image.
#   docker build --build-arg PIP_EXTRA_INDEX_URL=<that index> -t pcnet .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD":/work pcnet predict RUN --image F --text T
FROM debian:12-slim AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates git python3 python3-venv
WORKDIR /opt/pcnet
COPY . .
ARG PIP_EXTRA_INDEX_URL
ENV PIP_NO_CACHE_DIR=1
RUN ./scripts/setup.sh && ./scripts/build.sh --target pcnet_cli && strip build/release/pcnet
# Those libraries of the wheel that the program links, at the place where it looks for them.
RUN mkdir -p /image/usr/local/bin /image/opt/pcnet \
 && ldd build/release/pcnet | sed -n 's|.* => \(/opt/pcnet/[^ ]*\).*|\1|p' \
  | xargs cp -L --parents -t /image \
 && cp build/release/pcnet /image/usr/local/bin/ && cp -a configs /image/opt/pcnet/

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates libcurl4 libgomp1 \
      libjpeg62-turbo libopencv-core406 libopencv-imgcodecs406 libopencv-imgproc406 libpng16-16 \
      libutf8proc2 libyaml-cpp0.7 openmpi-bin zlib1g \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /image/ /
RUN pcnet --version && useradd --create-home pcnet
USER pcnet
WORKDIR /work
ENTRYPOINT ["pcnet"]
