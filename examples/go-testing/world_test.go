package emm

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"google.golang.org/api/androidmanagement/v1"
	"google.golang.org/api/option"
)

// world is a world of Heliograph: enterprise, phones and clock of its own, gone when the test has ended.
type world struct {
	t       *testing.T
	Name    string
	URL     string
	devices *androidmanagement.EnterprisesDevicesService
}

func newWorld(t *testing.T) *world {
	t.Helper()
	sandbox := os.Getenv("HELIOGRAPH_URL")
	if sandbox == "" {
		sandbox = "http://127.0.0.1:8080"
	}
	w := &world{t: t}
	ask(t, "POST", sandbox+"/sandbox/v1/worlds", `{"seed": 1, "now": "2030-01-01T00:00:00Z"}`, w)
	t.Cleanup(func() { ask(t, "DELETE", sandbox+"/sandbox/v1/"+w.Name, "", nil) })
	service, err := androidmanagement.NewService(context.Background(), option.WithEndpoint(w.URL+"/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	w.devices = service.Enterprises.Devices
	return w
}

// steer asks what docs/sandbox-api.md has: steer("POST", "clock:advance", `{"duration": "60s"}`, nil).
func (w *world) steer(method, path, body string, answer any) {
	w.t.Helper()
	ask(w.t, method, w.URL+"/sandbox/v1/"+path, body, answer)
}

func ask(t *testing.T, method, url, body string, answer any) {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(method, url, response.Status, string(content), err)
	}
	if answer != nil {
		if err := json.Unmarshal(content, answer); err != nil {
			t.Fatal(err)
		}
	}
}
