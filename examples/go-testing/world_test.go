package emm

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

// newWorld is the address of a world of the test's own: enterprise, phones and clock, gone when the test has ended.
func newWorld(t *testing.T) string {
	sandbox := cmp.Or(os.Getenv("HELIOGRAPH_URL"), "http://127.0.0.1:8080") + "/sandbox/v1/"
	made := ask(t, "POST", sandbox+"worlds", `{"seed": 1, "now": "2030-01-01T00:00:00Z"}`)
	t.Cleanup(func() { ask(t, "DELETE", fmt.Sprint(sandbox, made["name"]), "") })
	return made["url"].(string)
}

// ask does what docs/sandbox-api.md has: ask(t, "POST", world+"/sandbox/v1/clock:advance", `{"duration": "60s"}`).
func ask(t *testing.T, method, url, body string) (answer map[string]any) {
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
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(method, url, response.Status, answer, err)
	}
	return answer
}
