package emm

import (
	"context"
	"encoding/json"
	"testing"

	"google.golang.org/api/androidmanagement/v1"
	"google.golang.org/api/option"
)

const (
	phone = "pixel8-a15-fully-managed"
	name  = "enterprises/sandbox/devices/" + phone
)

func TestALostPhoneShowsWhoToCall(t *testing.T) {
	t.Parallel()
	world := newWorld(t)

	message := &androidmanagement.UserFacingMessage{DefaultMessage: "Please call the owner."}
	command := &androidmanagement.Command{
		Type: "START_LOST_MODE", StartLostModeParams: &androidmanagement.StartLostModeParams{LostMessage: message},
	}
	operation := issued(t, world, command, func() {})
	var outcome androidmanagement.Command
	if err := json.Unmarshal(operation.Metadata, &outcome); err != nil {
		t.Fatal(err)
	}

	seen := ask(t, "GET", world+"/sandbox/v1/devices/"+phone, "")["phone"].(map[string]any)
	shown := seen["lostMode"].(map[string]any)["message"]
	if outcome.StartLostModeStatus.Status != "SUCCESS" || shown != "Please call the owner." {
		t.Errorf("status %v, shown %v", outcome.StartLostModeStatus, shown)
	}
}

func TestALockExpiresThatItsPhoneDoesNotHearOf(t *testing.T) {
	t.Parallel()
	world := newWorld(t)
	ask(t, "PATCH", world+"/sandbox/v1/devices/"+phone, `{"online": false}`)

	operation := issued(t, world, &androidmanagement.Command{Type: "LOCK", Duration: "60s"}, func() {
		ask(t, "POST", world+"/sandbox/v1/clock:advance", `{"duration": "61s"}`)
	})

	if !operation.Done || operation.Error == nil || operation.Error.Code != 4 {
		t.Errorf("operation %+v", operation)
	}
}

// issued stands for the product under test, which is given the world's address: the command's operation, once meanwhile() has happened.
func issued(t *testing.T, world string, command *androidmanagement.Command, meanwhile func()) *androidmanagement.Operation {
	t.Helper()
	amapi, err := androidmanagement.NewService(context.Background(), option.WithEndpoint(world+"/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	operation, err := amapi.Enterprises.Devices.IssueCommand(name, command).Do()
	if err != nil {
		t.Fatal(err)
	}
	meanwhile()
	operation, err = amapi.Enterprises.Devices.Operations.Get(operation.Name).Do()
	if err != nil {
		t.Fatal(err)
	}
	return operation
}
