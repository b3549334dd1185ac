package payload

// AppEvent is an app webhook of the Developer Console,
// https://platform.text.com/docs/guides/console-guides/app-webhooks.
type AppEvent struct {
	ApplicationID   Text       `json:"applicationID"`
	ApplicationName string     `json:"applicationName"`
	ClientID        Text       `json:"clientID"`
	Date            Time       `json:"date"`
	Event           string     `json:"event"`
	LicenseID       Text       `json:"licenseID"`
	OrganizationID  Text       `json:"organizationID"`
	Payload         AppPayload `json:"payload"`
	UserID          Text       `json:"userID"`
}

// AppPayload is what an [AppEvent] is about: the application, or a payment.
type AppPayload struct {
	ApplicationID Text `json:"applicationID"`
	PaymentID     Text `json:"paymentID"`
	Quantity      Text `json:"quantity"` // payment_activated
	Total         Text `json:"total"`    // payment_collected
}

// UpgradeRequest is an in-app upgrade,
// https://platform.text.com/docs/guides/console-guides/in-app-upgrades.
// Answering 200 accepts it.
type UpgradeRequest struct {
	ID           Text   `json:"id"`
	Transaction  Text   `json:"transaction"`
	Organization string `json:"organization"`
	License      Text   `json:"license"`
	Name         string `json:"name"`
	Type         string `json:"type"` // ENABLE or DISABLE
	Quantity     Text   `json:"quantity"`
}
