// Shows the OpenAPI document of this server; nothing comes from elsewhere.
window.addEventListener("DOMContentLoaded", () => {
  SwaggerUIBundle({
    url: "../v1/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    validatorUrl: null,
    tryItOutEnabled: true,
  });
});
