// Takes the ticket out of the address and gives it for a session. The ticket is used up by that.
"use strict";

const ticket = location.hash.slice(1);
if (ticket !== "") {
  history.replaceState(null, "", "/");
  enter(ticket);
}

async function enter(ticket) {
  const notice = document.getElementById("notice");
  try {
    const answer = await fetch("/v1/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ticket }),
    });
    if (answer.ok) {
      location.replace("/");
    } else {
      const problem = await answer.json();
      notice.textContent = `${problem.detail}. ${problem.hint}`;
    }
  } catch {
    notice.textContent = "The bench does not answer.";
  }
}
