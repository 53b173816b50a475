/** Whether a topic filter meets a topic [MQTT-4.7]. */
export function matches(filter: string, topic: string): boolean {
  const [wanted, levels] = [filter.split("/"), topic.split("/")];
  // What begins with $ is not met by a wildcard in front [MQTT-4.7.2-1].
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  for (const [i, word] of wanted.entries()) {
    if (word === "#") return true;
    if (word !== "+" && word !== levels[i]) return false;
    if (i >= levels.length) return false;
  }
  return wanted.length === levels.length;
}
