// Google's own Go client behind a pipe, with the calls that Fleet makes of it: a line of JSON for each, a line for its answer.
// HELIOGRAPH_URL is the server.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"

	"google.golang.org/api/androidmanagement/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
)

// Arguments of a call, under their names in Google's reference.
type Arguments struct {
	Name, Parent, ProjectID, CallbackURL, SignupURLName, EnterpriseToken, UpdateMask, PageToken, Fields string
	PageSize                                                                                            int64
	Body                                                                                                json.RawMessage
}

func main() {
	ctx := context.Background()
	endpoint := option.WithEndpoint(os.Getenv("HELIOGRAPH_URL") + "/")
	service, err := androidmanagement.NewService(ctx, endpoint, option.WithoutAuthentication())
	check(err)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var asked struct {
			Call      string
			Arguments Arguments
		}
		check(json.Unmarshal(lines.Bytes(), &asked))
		said := map[string]any{}
		answer, err := call(ctx, service, asked.Call, asked.Arguments)
		var refused *googleapi.Error
		if errors.As(err, &refused) {
			said["error"] = map[string]any{"code": refused.Code, "message": refused.Message}
		} else {
			check(err)
			said["answer"] = answer
		}
		check(json.NewEncoder(os.Stdout).Encode(said))
	}
	check(lines.Err())
}

func call(ctx context.Context, service *androidmanagement.Service, method string, given Arguments) (any, error) {
	enterprises := service.Enterprises
	devices := enterprises.Devices
	switch method {
	case "signupUrls.create":
		return service.SignupUrls.Create().ProjectId(given.ProjectID).CallbackUrl(given.CallbackURL).Context(ctx).Do()
	case "enterprises.create":
		call := enterprises.Create(decoded[androidmanagement.Enterprise](given)).ProjectId(given.ProjectID)
		return call.EnterpriseToken(given.EnterpriseToken).SignupUrlName(given.SignupURLName).Context(ctx).Do()
	case "enterprises.get":
		return enterprises.Get(given.Name).Context(ctx).Do()
	case "enterprises.list":
		return enterprises.List().ProjectId(given.ProjectID).Context(ctx).Do()
	case "enterprises.delete":
		return enterprises.Delete(given.Name).Do()
	case "enterprises.policies.patch":
		call := enterprises.Policies.Patch(given.Name, decoded[androidmanagement.Policy](given))
		if given.UpdateMask != "" {
			call.UpdateMask(given.UpdateMask)
		}
		return call.Context(ctx).Do()
	case "enterprises.policies.modifyPolicyApplications":
		request := decoded[androidmanagement.ModifyPolicyApplicationsRequest](given)
		return enterprises.Policies.ModifyPolicyApplications(given.Name, request).Context(ctx).Do()
	case "enterprises.policies.removePolicyApplications":
		request := decoded[androidmanagement.RemovePolicyApplicationsRequest](given)
		return enterprises.Policies.RemovePolicyApplications(given.Name, request).Context(ctx).Do()
	case "enterprises.applications.get":
		return enterprises.Applications.Get(given.Name).Context(ctx).Do()
	case "enterprises.webApps.create":
		return enterprises.WebApps.Create(given.Parent, decoded[androidmanagement.WebApp](given)).Context(ctx).Do()
	case "enterprises.enrollmentTokens.create":
		return enterprises.EnrollmentTokens.Create(given.Parent, decoded[androidmanagement.EnrollmentToken](given)).Context(ctx).Do()
	case "enterprises.devices.list":
		call := devices.List(given.Parent).PageSize(given.PageSize).PageToken(given.PageToken)
		return call.Fields(googleapi.Field(given.Fields)).Context(ctx).Do()
	case "enterprises.devices.get":
		return devices.Get(given.Name).Context(ctx).Do()
	case "enterprises.devices.patch":
		call := devices.Patch(given.Name, decoded[androidmanagement.Device](given))
		if given.UpdateMask != "" {
			call.UpdateMask(given.UpdateMask)
		}
		return call.Context(ctx).Do()
	case "enterprises.devices.delete":
		return devices.Delete(given.Name).Context(ctx).Do()
	case "enterprises.devices.issueCommand":
		return devices.IssueCommand(given.Name, decoded[androidmanagement.Command](given)).Context(ctx).Do()
	case "enterprises.devices.operations.get":
		return devices.Operations.Get(given.Name).Context(ctx).Do()
	}
	return nil, fmt.Errorf("calls.go has no %s", method)
}

// The body, as the client's own message.
func decoded[T any](given Arguments) *T {
	var message T
	check(json.Unmarshal(given.Body, &message))
	return &message
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
