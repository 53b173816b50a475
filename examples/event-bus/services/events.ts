/** What travels over the bus. */

export interface OrderCreated {
  orderId: string;
  productId: string;
  quantity: number;
  /** Authorised with the order, and charged once the goods are reserved. */
  amount: number;
  email: string;
}

export interface InventoryUpdated {
  orderId: string;
  productId: string;
  /** False: there was not enough. */
  reserved: boolean;
  left: number;
  order: OrderCreated;
}

export interface PaymentProcessed {
  orderId: string;
  amount: number;
  order: OrderCreated;
}

export interface PaymentRefunded {
  orderId: string;
  amount: number;
  order: OrderCreated;
}

export interface StatusUpdated {
  orderId: string;
  status: "paid" | "cancelled";
  reason?: string;
  order: OrderCreated;
}

export interface Reading {
  zone: string;
  celsius: number;
}

export interface Alert {
  zone: string;
  celsius: number;
  limit: number;
}

export interface Notification {
  kind: "order" | "refund" | "alert";
  /** Of the order, or the zone. */
  about: string;
  to: string;
}
