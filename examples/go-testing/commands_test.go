package emm

import (
	"encoding/json"
	"testing"

	"google.golang.org/api/androidmanagement/v1"
)

const (
	phone = "pixel8-a15-fully-managed"
	name  = "enterprises/sandbox/devices/" + phone
)

func TestALostPhoneShowsWhoToCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)

	message := &androidmanagement.UserFacingMessage{DefaultMessage: "Please call the owner."}
	command := &androidmanagement.Command{
		Type: "START_LOST_MODE", StartLostModeParams: &androidmanagement.StartLostModeParams{LostMessage: message},
	}
	status := w.done(command).StartLostModeStatus

	var shown struct {
		Phone struct{ LostMode struct{ Message string } }
	}
	w.steer("GET", "devices/"+phone, "", &shown)
	if status == nil || status.Status != "SUCCESS" || shown.Phone.LostMode.Message != "Please call the owner." {
		t.Errorf("status %v, shown %v", status, shown)
	}
}

func TestALockExpiresThatItsPhoneDoesNotHearOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.steer("PATCH", "devices/"+phone, `{"online": false}`, nil)

	issued, err := w.devices.IssueCommand(name, &androidmanagement.Command{Type: "LOCK", Duration: "60s"}).Do()
	if err != nil {
		t.Fatal(err)
	}
	w.steer("POST", "clock:advance", `{"duration": "61s"}`, nil)
	operation, err := w.devices.Operations.Get(issued.Name).Do()

	if err != nil || !operation.Done || operation.Error == nil || operation.Error.Code != 4 {
		t.Errorf("operation %+v, error %v", operation, err)
	}
}

// done issues the command; its operation is done at the first look, since the clock stands.
func (w *world) done(command *androidmanagement.Command) androidmanagement.Command {
	w.t.Helper()
	issued, err := w.devices.IssueCommand(name, command).Do()
	if err != nil {
		w.t.Fatal(err)
	}
	operation, err := w.devices.Operations.Get(issued.Name).Do()
	if err != nil || !operation.Done {
		w.t.Fatalf("operation %+v, error %v", operation, err)
	}
	var metadata androidmanagement.Command
	if err := json.Unmarshal(operation.Metadata, &metadata); err != nil {
		w.t.Fatal(err)
	}
	return metadata
}
