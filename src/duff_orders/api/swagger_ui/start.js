// Shows the OpenAPI document of this server; nothing comes from elsewhere.

// Swagger UI reads an answer into numbers of JavaScript before it shows it, which hold integers up to 2^53 exactly;
// identifiers have up to 18 digits. An answer with longer ones is laid out here, digit for digit, and shown as text.
const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const isLong = (token) => /^-?\d{16,}$/.test(token);

function laidOut(text) {
  const kept = text.replace(tokens, (found) => (isLong(found) ? `"\\u0000${found}"` : found));
  return JSON.stringify(JSON.parse(kept), null, 2).replace(/"\\u0000(-?\d+)"/g, "$1");
}

const Exact = () => ({
  wrapComponents: {
    responseBody: (Original, { React }) => (props) => {
      const { content, contentType } = props;
      const isJson = typeof content === "string" && /json/i.test(contentType);
      if (!isJson || !(content.match(tokens) || []).some(isLong)) return React.createElement(Original, props);
      return React.createElement(Original, { ...props, content: laidOut(content), contentType: "text/plain" });
    },
  },
});

// Swagger UI has both schemes; the reader's is told by a class of the page.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

window.addEventListener("DOMContentLoaded", () => {
  SwaggerUIBundle({
    url: "../v1/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    validatorUrl: null,
    tryItOutEnabled: true,
    plugins: [Exact],
  });
});
