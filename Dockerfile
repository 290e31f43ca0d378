# syntax=docker/dockerfile:1
# test/deploy/dockerfile.test.ts also runs every RUN and CMD, without a container engine.

FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY src ./src
RUN npm run build
RUN npm prune --omit=dev --no-audit --no-fund
ARG REVISION=unknown
RUN npm pkg set gitHead="${REVISION}"

FROM node:24-slim
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hwerr-exporter" \
      org.opencontainers.image.description="Prometheus exporter for the hardware errors recorded in Linux kdump vmcores" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production \
    HWERR_KDUMP_PATH=/var/crash \
    HWERR_LEDGER_PATH=/var/lib/hwerr-exporter
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY LICENSE ./
RUN mkdir -p /var/lib/hwerr-exporter && chown 65532:65532 /var/lib/hwerr-exporter
# The exporter writes only to this volume and, for compressed dumps, to /tmp: run it with
# --read-only, and a volume or tmpfs for /tmp.
VOLUME /var/lib/hwerr-exporter
USER 65532:65532
EXPOSE 10048
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:10048/-/healthy').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["serve"]
