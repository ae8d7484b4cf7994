# syntax=docker/dockerfile:1

FROM node:26-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without scripts: there is nothing yet that they could build.
RUN npm ci --omit=dev --ignore-scripts

FROM node:26-slim AS dashboard
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN npm ci --ignore-scripts
COPY dashboard ./dashboard
# Its types.
COPY src ./src
RUN node node_modules/vite/bin/vite.js build dashboard

FROM node:26-slim
# On this address the service starts only with keys: docker run --env AGENTKIT_API_KEYS=... (docs/deployment.md).
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
RUN install -d -o node -g node -m 700 /app/data
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY bin ./bin
COPY src ./src
COPY --from=dashboard /app/dashboard/dist ./dashboard/dist
# By its number, so that Kubernetes can tell that it is not root.
USER 1000
VOLUME /app/data
EXPOSE 8000
# By node itself: the slim image has no curl. A probe that throws exits with 1.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8000) + '/readyz').then((r) => process.exit(r.ok ? 0 : 1))"]
# node is process 1 and gets SIGTERM itself; npm would stand in between. Another command: docker run agentkit backup ...
# The flags are those of npm start (docs/operations.md says what for).
ENTRYPOINT ["node", "--max-semi-space-size=16", "--v8-pool-size=2", "--no-allocation-site-pretenuring", "bin/agentkit.js"]
CMD ["serve"]
