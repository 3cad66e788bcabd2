import type { Plugin } from "vite";

const ALL = "@mantine/core/styles.css";
const BASE = "\0mantine-base-styles";
const COMPONENT = /\/@mantine\/core\/esm\/.*\/(\w+)\.module\.mjs$/;

/**
 * In a build the styles of Mantine's components come with those that are used, and in the chunk that uses them: all of them
 * together are twice as much. Each component's module of class names brings its sheet along, so no list has to be kept.
 */
export function mantineStyles(): Plugin {
  return {
    name: "mantine-styles",
    apply: "build",
    enforce: "pre",
    resolveId: (id) => (id === ALL ? BASE : undefined),
    load: (id) =>
      id === BASE
        ? ["baseline", "default-css-variables", "global"]
            .map((name) => `import "@mantine/core/styles/${name}.css";`)
            .join("\n")
        : undefined,
    transform(code, id) {
      const component = COMPONENT.exec(id)?.[1];
      return component ? { code: `import "@mantine/core/styles/${component}.css";\n${code}`, map: null } : undefined;
    },
  };
}
