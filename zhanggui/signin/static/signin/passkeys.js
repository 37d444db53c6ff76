// The ceremony of passkeys (WebAuthn). Bytes travel as base64url, which older browsers do not
// translate by themselves.

const toBytes = (text) => {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
};

const toText = (buffer) => {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
};

const credential = (one) => ({ ...one, id: toBytes(one.id) });

async function post(url, body) {
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/json",
      "X-CSRFToken": document.querySelector("meta[name=csrf-token]").content,
    },
    body: JSON.stringify(body ?? {}),
  });
  const data = await answer.json().catch(() => ({}));
  if (answer.ok) return data;
  const error = new Error(data.error?.message ?? "");
  error.shown = Boolean(error.message);
  throw error;
}

/** Add a passkey of this device; answers the address to go on to. */
export async function add(begin, finish, name) {
  const { publicKey } = await post(begin);
  const made = await navigator.credentials.create({
    publicKey: {
      ...publicKey,
      challenge: toBytes(publicKey.challenge),
      user: { ...publicKey.user, id: toBytes(publicKey.user.id) },
      excludeCredentials: (publicKey.excludeCredentials ?? []).map(credential),
    },
  });
  const target = new URL(finish, location.href);
  if (name) target.searchParams.set("name", name);
  const { url } = await post(target, {
    id: made.id,
    rawId: toText(made.rawId),
    type: made.type,
    response: {
      clientDataJSON: toText(made.response.clientDataJSON),
      attestationObject: toText(made.response.attestationObject),
    },
  });
  return url;
}

/** Sign in, or finish signing in, with a passkey; answers the address to go on to. */
export async function use(begin, finish) {
  const { publicKey } = await post(begin);
  const given = await navigator.credentials.get({
    publicKey: {
      ...publicKey,
      challenge: toBytes(publicKey.challenge),
      allowCredentials: (publicKey.allowCredentials ?? []).map(credential),
    },
  });
  const { url } = await post(finish, {
    id: given.id,
    rawId: toText(given.rawId),
    type: given.type,
    response: {
      clientDataJSON: toText(given.response.clientDataJSON),
      authenticatorData: toText(given.response.authenticatorData),
      signature: toText(given.response.signature),
      userHandle: given.response.userHandle ? toText(given.response.userHandle) : null,
    },
  });
  return url;
}
