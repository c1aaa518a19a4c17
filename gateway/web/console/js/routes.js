/** Every page: its address, its place in the navigation, the roles it is shown to, its shortcut after `g`. */

const INTAKE = ["AGENT", "CASEDOC", "RIGHTS", "COMPLAINT", "QA", "LEGAL", "DPO", "SYSADMIN"];
const CASEWORK = ["RIGHTS", "COMPLAINT", "INSPECTOR", "COMPLIANCE", "LEGAL", "DPO", "SYSADMIN", "CASEDOC", "QA"];

export const routes = [
  { path: "/", load: () => import("./pages/tasks.js"), name: "tasks", group: "daily", key: "o", roles: ["*"] },
  { path: "/live/:call?", load: () => import("./pages/live.js"), name: "live", group: "daily", key: "l", roles: ["*"] },
  { path: "/calls", load: () => import("./pages/calls.js"), name: "calls", group: "daily", key: "c", roles: ["*"] },
  { path: "/calls/:id", load: () => import("./pages/call.js"), under: "calls" },
  { path: "/recordings/:id", load: () => import("./pages/recording.js"), under: "calls" },
  {
    path: "/requests", load: () => import("./pages/requests.js"), name: "requests", group: "cases", key: "r",
    roles: INTAKE,
  },
  { path: "/requests/:id", load: () => import("./pages/request.js"), under: "requests" },
  {
    path: "/complaints", load: () => import("./pages/complaints.js"), name: "complaints", group: "cases", key: "k",
    roles: INTAKE,
  },
  { path: "/complaints/:id", load: () => import("./pages/complaint.js"), under: "complaints" },
  {
    path: "/investigations", load: () => import("./pages/investigations.js"), name: "investigations",
    group: "cases", key: "i", roles: ["INSPECTOR", "QA", "CASEDOC", "COMPLAINT", "COMPLIANCE", "LEGAL", "DPO"],
  },
  { path: "/investigations/:id", load: () => import("./pages/investigation.js"), under: "investigations" },
  {
    path: "/samples", load: () => import("./pages/samples.js"), name: "samples", group: "cases", key: "s",
    roles: ["COMPLIANCE", "DPO"],
  },
  { path: "/samples/:id", load: () => import("./pages/sample.js"), under: "samples" },
  {
    path: "/orders", load: () => import("./pages/orders.js"), name: "orders", group: "cases", key: "p",
    roles: ["LEGAL", "DPO", "RIGHTS", "COMPLAINT", "INSPECTOR"],
  },
  {
    path: "/retention", load: () => import("./pages/retention.js"), name: "retention", group: "oversight", key: "e",
    roles: CASEWORK,
  },
  {
    path: "/audit", load: () => import("./pages/audit.js"), name: "audit", group: "oversight", key: "a",
    roles: ["DPO", "SYSADMIN", "COMPLIANCE", "LEGAL"],
  },
  {
    path: "/users", load: () => import("./pages/users.js"), name: "users", group: "running", key: "u",
    roles: ["SYSADMIN", "DPO"],
  },
  {
    path: "/prompts", load: () => import("./pages/prompts.js"), name: "prompts", group: "running", key: "m",
    roles: ["SYSADMIN", "DPO", "LEGAL"],
  },
  { path: "/prompts/:set/:role/:version", load: () => import("./pages/prompt.js"), under: "prompts" },
  {
    path: "/settings", load: () => import("./pages/settings.js"), name: "settings", group: "running", key: "n",
    roles: ["SYSADMIN", "DPO"],
  },
];

export const GROUPS = ["daily", "cases", "oversight", "running"];
