// Google's own Go client takes a walk: `walk STEPS.json`, with HELIOGRAPH_URL and, optionally, HELIOGRAPH_KEY (a key file).
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"google.golang.org/api/androidmanagement/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
)

const patience = 60 * time.Second

// Step is one step of the walk; each verb looks at the fields that it needs.
type Step struct {
	Verb, Device, Method, Path, Name, Parent, Filter, UpdateMask string
	PageSize                                                     int64
	Command                                                      *androidmanagement.Command
	Body                                                         json.RawMessage
}

type walker struct {
	url       string
	devices   *androidmanagement.EnterprisesDevicesService
	operation *androidmanagement.Operation
}

func main() {
	content, err := os.ReadFile(os.Args[1])
	check(err)
	var steps []Step
	check(json.Unmarshal(content, &steps))
	url := os.Getenv("HELIOGRAPH_URL")
	service, err := androidmanagement.NewService(context.Background(), option.WithEndpoint(url+"/"), signIn())
	check(err)
	walker := &walker{url: url, devices: service.Enterprises.Devices}
	results := make([]any, len(steps))
	for i, step := range steps {
		results[i] = walker.result(step)
	}
	check(json.NewEncoder(os.Stdout).Encode(results))
}

func signIn() option.ClientOption {
	if key := os.Getenv("HELIOGRAPH_KEY"); key != "" {
		return option.WithAuthCredentialsFile(option.ServiceAccount, key)
	}
	return option.WithoutAuthentication()
}

func (w *walker) result(step Step) any {
	answer, err := w.walk(step)
	var refused *googleapi.Error
	if errors.As(err, &refused) {
		return map[string]any{"error": map[string]any{"code": refused.Code, "message": refused.Message}}
	}
	check(err)
	return answer
}

func (w *walker) walk(step Step) (any, error) {
	switch step.Verb {
	case "steer":
		return w.steer(step)
	case "issue":
		operation, err := w.devices.IssueCommand(step.Device, step.Command).Do()
		w.operation = operation
		return operation, err
	case "follow":
		return w.follow()
	case "cancel":
		return w.devices.Operations.Cancel(w.operation.Name).Do()
	case "operations":
		return w.operations(step)
	case "devices":
		return w.list(step)
	case "device":
		return w.devices.Get(step.Name).Do()
	case "patch":
		var device androidmanagement.Device
		check(json.Unmarshal(step.Body, &device))
		return w.devices.Patch(step.Name, &device).UpdateMask(step.UpdateMask).Do()
	}
	return nil, fmt.Errorf("there is no verb %q", step.Verb)
}

func (w *walker) steer(step Step) (any, error) {
	request, err := http.NewRequest(step.Method, w.url+step.Path, bytes.NewReader(step.Body))
	check(err)
	response, err := http.DefaultClient.Do(request)
	check(err)
	defer response.Body.Close()
	return struct{}{}, googleapi.CheckResponse(response)
}

func (w *walker) follow() (any, error) {
	var err error
	for end := time.Now().Add(patience); err == nil && !w.operation.Done && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		w.operation, err = w.devices.Operations.Get(w.operation.Name).Do()
	}
	return w.operation, err
}

func (w *walker) operations(step Step) (any, error) {
	pages := [][]string{}
	call := w.devices.Operations.List(step.Name).Filter(step.Filter).PageSize(step.PageSize)
	err := call.Pages(context.Background(), func(page *androidmanagement.ListOperationsResponse) error {
		names := []string{}
		for _, operation := range page.Operations {
			names = append(names, operation.Name)
		}
		pages = append(pages, names)
		return nil
	})
	return pages, err
}

func (w *walker) list(step Step) (any, error) {
	pages := [][]string{}
	err := w.devices.List(step.Parent).PageSize(step.PageSize).Pages(context.Background(), func(page *androidmanagement.ListDevicesResponse) error {
		names := []string{}
		for _, device := range page.Devices {
			names = append(names, device.Name)
		}
		pages = append(pages, names)
		return nil
	})
	return pages, err
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
