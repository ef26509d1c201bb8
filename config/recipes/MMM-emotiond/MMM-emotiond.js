/* MagicMirror module: who is before the mirror, and what they show.
 *
 * Copy this folder to MagicMirror's modules/, run `npm install` in it, and add to config.js:
 *   {module: "MMM-emotiond", position: "top_left", config: {broker: "mqtt://localhost", device: "mirror"}}
 *
 * Tried with MagicMirror 2.29.0 on 2026-11-30.
 */
Module.register("MMM-emotiond", {
	defaults: { broker: "mqtt://localhost", device: "+", nobody: "" },

	start() {
		this.state = null;
		this.sendSocketNotification("EMOTIOND_SUBSCRIBE", this.config);
	},

	socketNotificationReceived(notification, state) {
		if (notification === "EMOTIOND_STATE") {
			this.state = state;
			this.updateDom();
			// Other modules may follow it, such as one that dims the mirror.
			this.sendNotification("EMOTIOND_STATE", state);
		}
	},

	getDom() {
		const wrapper = document.createElement("div");
		wrapper.className = "bright medium";
		const { faces = 0, emotion = null, confidence = null } = this.state || {};
		const share = confidence === null ? "" : ` ${Math.round(100 * confidence)} %`;
		wrapper.textContent = faces ? `${emotion}${share}` : this.config.nobody;
		return wrapper;
	}
});
