import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { mantineStyles } from "./mantine-styles.ts";

const api = process.env.AGENTGUIDE_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [mantineStyles(), react()],
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  build: {
    outDir: "../api/dashboard",
    emptyOutDir: true,
    target: "es2023",
    // Inlined files would be `data:` URLs, which the page's policy takes for images only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/v1": api, "/docs": api, "/openapi.json": api, "/graphql": api },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
