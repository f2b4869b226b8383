async function show() {
  const models = await (await fetch("/v1/models")).json();
  document.getElementById("models").replaceChildren(...models.data.map(model => {
    const item = document.createElement("li");
    item.textContent = `${model.id} (${model.kinds.join(", ")})`;
    return item;
  }));
  document.getElementById("status").textContent = JSON.stringify(await (await fetch("/status")).json(), null, 2);
}

show();
