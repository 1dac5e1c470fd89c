// Asks the browser for a passkey and sends its answer with the form. The form says what to ask: data-passkey is "create" or "get".
"use strict";

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("button");
  const alert = form.querySelector("[role=alert]");
  const say = (text) => {
    alert.textContent = text;
    alert.hidden = false;
  };
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
    say("This browser has no passkeys. Use a newer one: Chrome 129, Firefox 119, Safari 18.4 or later.");
    continue;
  }
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    alert.hidden = true;
    try {
      const asked = JSON.parse(form.dataset.options);
      const name = form.elements.person?.value.trim();
      if (name) {
        asked.user.name = asked.user.displayName = name;
      }
      const credential =
        form.dataset.passkey === "create"
          ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) })
          : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) });
      form.elements.credential.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch (error) {
      say(error.name === "InvalidStateError" ? "This device has a passkey for you already." : "No passkey was used. Try again.");
      button.disabled = false;
    }
  });
}
