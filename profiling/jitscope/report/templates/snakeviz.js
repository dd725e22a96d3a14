// Glue between snakeviz's scripts and a page without a server. It runs before snakeviz.js.
"use strict";

// lodash compiles templates by evaluating them, which the page's policy forbids. Both of
// snakeviz's are plain lists of names; every value is escaped.
_.template = function (text) {
  return function (values) {
    return text.replace(/<%[=-]\s*(\w+)\s*%>/g, function (all, name) {
      return _.escape(values[name]);
    });
  };
};

var jitscope_callees = JSON.parse(document.getElementById("jitscope-callees").textContent);

// snakeviz starts its worker from this element's text. It would load the libraries and the data
// from the server; both are in the page.
(function () {
  var text = function (id) { return document.getElementById(id).textContent; };
  var worker = document.getElementById("hierarchy-worker");
  worker.textContent = [
    text("jitscope-lodash"),
    text("jitscope-immutable"),
    "var jitscope_callees = " + text("jitscope-callees") + ";",
    worker.textContent,
  ].join("\n");
})();
