# docker build -t havoq .      after: bun build.ts --all
FROM alpine:3.22
# The runtime inside the binary is written in C++; nothing else is needed.
RUN apk add --no-cache libstdc++ libgcc && adduser -D -u 10001 havoq && mkdir /plugins && chown havoq /plugins
ARG TARGETARCH=amd64
# Docker says amd64 where the binaries say x64.
RUN --mount=type=bind,source=dist,target=/dist \
    case "$TARGETARCH" in amd64) cpu=x64 ;; *) cpu=$TARGETARCH ;; esac \
    && install -m 755 "/dist/havoq-linux-$cpu-musl" /usr/local/bin/havoq
USER havoq
WORKDIR /home/havoq
EXPOSE 9092 1883 9001 5672 9080
VOLUME /plugins
HEALTHCHECK --interval=5s --timeout=2s --start-period=1s CMD wget -q -O /dev/null http://127.0.0.1:9080/health/ready
STOPSIGNAL SIGTERM
ENTRYPOINT ["havoq"]
CMD ["serve", "--host", "0.0.0.0", "--plugins", "/plugins"]
