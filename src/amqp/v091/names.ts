/** Names lose their line ends, as in RabbitMQ, whose logs had to be kept readable. */
export function clean(name: string): string {
  return name.includes("\n") || name.includes("\r") ? name.replaceAll(/[\r\n]/g, "") : name;
}
