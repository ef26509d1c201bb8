/* The half of MMM-emotiond that runs in MagicMirror's server: it subscribes to the state. */
const NodeHelper = require("node_helper");
const mqtt = require("mqtt");

module.exports = NodeHelper.create({
	socketNotificationReceived(notification, config) {
		if (notification !== "EMOTIOND_SUBSCRIBE" || this.client) return;
		this.client = mqtt.connect(config.broker);
		this.client.on("connect", () => this.client.subscribe(`emotiond/${config.device}/state`));
		this.client.on("message", (topic, payload) => {
			if (payload.length) this.sendSocketNotification("EMOTIOND_STATE", JSON.parse(payload));
		});
	},

	stop() {
		if (this.client) this.client.end();
	}
});
