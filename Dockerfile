# pcnet on the CPU:  docker build -t pcnet .   docker run --rm -v "$PWD":/work pcnet predict RUN --image F --text T
FROM debian:12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates git python3 python3-venv
WORKDIR /opt/pcnet
COPY . .
# The index of CPU wheels: PyPI's own wheel for Linux brings several GB of CUDA.
ENV PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu PIP_NO_CACHE_DIR=1
RUN ./scripts/setup.sh && ./scripts/build.sh --target pcnet_cli && strip build/release/pcnet
# What the program needs of torch, at the place where it looks for it.
RUN torch=$(dirname "$(dirname "$(dirname "$(cat .setup/torch_dir)")")") \
 && mkdir -p "/image$torch" /image/usr/local/bin /image/opt/pcnet \
 && cp -a "$torch/lib" "/image$torch/" && rm -f "/image$torch"/lib/*python* \
 && cp build/release/pcnet /image/usr/local/bin/ && cp -a configs /image/opt/pcnet/

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates libcurl4 libgomp1 \
      libjpeg62-turbo libopencv-core406 libopencv-imgcodecs406 libopencv-imgproc406 libpng16-16 \
      libutf8proc2 libyaml-cpp0.7 zlib1g \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /image/ /
RUN pcnet --version && useradd --create-home pcnet
USER pcnet
WORKDIR /work
ENTRYPOINT ["pcnet"]
