"use strict";
(() => {
  const select = document.getElementById("controls").elements.setup;
  const names = [...select.options].map((option) => option.value);

  const show = () => {
    for (const part of document.querySelectorAll(".setup")) part.hidden = part.dataset.setup !== String(select.selectedIndex);
    document.documentElement.dataset.drawn = String(select.selectedIndex);
  };

  const adopt = () => {
    const { setup } = jitscope.state.read();
    select.value = names.includes(setup) ? setup : names[0];
    show();
  };

  select.addEventListener("change", () => {
    jitscope.state.write({ setup: select.value });
    show();
  });
  addEventListener("hashchange", adopt);
  adopt();
})();
