import com.google.api.client.googleapis.batch.BatchRequest;
import com.google.api.client.googleapis.batch.json.JsonBatchCallback;
import com.google.api.client.googleapis.json.GoogleJsonError;
import com.google.api.client.googleapis.json.GoogleJsonResponseException;
import com.google.api.client.http.HttpHeaders;
import com.google.api.client.http.HttpRequestInitializer;
import com.google.api.client.http.javanet.NetHttpTransport;
import com.google.api.client.json.GenericJson;
import com.google.api.client.json.JsonFactory;
import com.google.api.client.json.gson.GsonFactory;
import com.google.api.services.androidmanagement.v1.AndroidManagement;
import com.google.api.services.androidmanagement.v1.model.Command;
import com.google.api.services.androidmanagement.v1.model.Device;
import com.google.api.services.androidmanagement.v1.model.ListDevicesResponse;
import com.google.api.services.androidmanagement.v1.model.ListOperationsResponse;
import com.google.api.services.androidmanagement.v1.model.Operation;
import com.google.auth.http.HttpCredentialsAdapter;
import com.google.auth.oauth2.GoogleCredentials;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Google's own Java client takes a walk: `Walk STEPS.json`, with HELIOGRAPH_URL and, optionally, HELIOGRAPH_KEY (a key file). */
public final class Walk {
    private static final long PATIENCE_MS = 60_000;
    private static final JsonFactory JSON = GsonFactory.getDefaultInstance();

    private final String url = System.getenv("HELIOGRAPH_URL");
    private final HttpRequestInitializer signedIn = signedIn(System.getenv("HELIOGRAPH_KEY"));
    private final AndroidManagement amapi = new AndroidManagement.Builder(new NetHttpTransport(), JSON, signedIn)
            .setRootUrl(url + "/")
            .setApplicationName("walk")
            .build();
    private final AndroidManagement.Enterprises.Devices devices = amapi.enterprises().devices();
    private Operation operation;

    private Walk() throws IOException {}

    private static HttpRequestInitializer signedIn(String keyFile) throws IOException {
        if (keyFile == null) {
            return request -> {};
        }
        try (FileInputStream key = new FileInputStream(keyFile)) {
            return new HttpCredentialsAdapter(
                    GoogleCredentials.fromStream(key).createScoped("https://www.googleapis.com/auth/androidmanagement"));
        }
    }

    public static void main(String[] args) throws Exception {
        String text = Files.readString(Path.of(args[0]));
        List<GenericJson> steps = new ArrayList<>();
        JSON.createJsonParser(text).parseArrayAndClose(steps, GenericJson.class);
        Walk walk = new Walk();
        List<Object> results = new ArrayList<>();
        for (GenericJson step : steps) {
            results.add(walk.result(step));
        }
        System.out.write(JSON.toByteArray(results));
        System.out.flush();
    }

    private Object result(Map<String, Object> step) throws Exception {
        try {
            return walk(step);
        } catch (GoogleJsonResponseException refused) {
            return told(refused.getDetails());
        }
    }

    private Object walk(Map<String, Object> step) throws Exception {
        switch ((String) step.get("verb")) {
            case "steer":
                return steer(step);
            case "issue":
                return operation = devices.issueCommand((String) step.get("device"), model(step.get("command"), Command.class)).execute();
            case "batch":
                return batch(step);
            case "follow":
                return follow();
            case "cancel":
                return devices.operations().cancel(operation.getName()).execute();
            case "operations":
                return operations(step);
            case "devices":
                return devices(step);
            case "device":
                return devices.get((String) step.get("name")).execute();
            case "patch":
                return devices.patch((String) step.get("name"), model(step.get("body"), Device.class))
                        .setUpdateMask((String) step.get("updateMask"))
                        .execute();
            default:
                throw new IllegalArgumentException(step.toString());
        }
    }

    private Object steer(Map<String, Object> step) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + step.get("path")))
                .method((String) step.get("method"), HttpRequest.BodyPublishers.ofByteArray(JSON.toByteArray(step.get("body"))))
                .build();
        HttpResponse<String> answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IOException(answer.body());
        }
        return Map.of();
    }

    @SuppressWarnings("unchecked")
    private Object batch(Map<String, Object> step) throws IOException {
        List<Object> answers = new ArrayList<>();
        BatchRequest batch = amapi.batch(signedIn);
        for (Map<String, Object> each : (List<Map<String, Object>>) step.get("commands")) {
            devices.issueCommand((String) each.get("device"), model(each.get("command"), Command.class)).queue(batch, new JsonBatchCallback<>() {
                @Override
                public void onSuccess(Operation answer, HttpHeaders headers) {
                    answers.add(answer);
                }

                @Override
                public void onFailure(GoogleJsonError error, HttpHeaders headers) {
                    answers.add(told(error));
                }
            });
        }
        batch.execute();
        return answers;
    }

    private Object follow() throws Exception {
        long end = System.currentTimeMillis() + PATIENCE_MS;
        while (!Boolean.TRUE.equals(operation.getDone()) && System.currentTimeMillis() < end) {
            Thread.sleep(10);
            operation = devices.operations().get(operation.getName()).execute();
        }
        return operation;
    }

    private Object operations(Map<String, Object> step) throws IOException {
        AndroidManagement.Enterprises.Devices.Operations.List request = devices.operations()
                .list((String) step.get("name"))
                .setFilter((String) step.get("filter"))
                .setPageSize(((Number) step.get("pageSize")).intValue());
        List<List<String>> pages = new ArrayList<>();
        ListOperationsResponse page;
        do {
            page = request.execute();
            List<String> names = new ArrayList<>();
            if (page.getOperations() != null) {
                page.getOperations().forEach(found -> names.add(found.getName()));
            }
            pages.add(names);
            request.setPageToken(page.getNextPageToken());
        } while (page.getNextPageToken() != null);
        return pages;
    }

    private Object devices(Map<String, Object> step) throws IOException {
        AndroidManagement.Enterprises.Devices.List request =
                devices.list((String) step.get("parent")).setPageSize(((Number) step.get("pageSize")).intValue());
        List<List<String>> pages = new ArrayList<>();
        ListDevicesResponse page;
        do {
            page = request.execute();
            List<String> names = new ArrayList<>();
            if (page.getDevices() != null) {
                page.getDevices().forEach(found -> names.add(found.getName()));
            }
            pages.add(names);
            request.setPageToken(page.getNextPageToken());
        } while (page.getNextPageToken() != null);
        return pages;
    }

    private static Map<String, Object> told(GoogleJsonError error) {
        return Map.of("error", Map.of("code", error.getCode(), "message", error.getMessage()));
    }

    /** A model of the client from JSON, what the client is too old to know included. */
    private static <T extends GenericJson> T model(Object json, Class<T> type) throws IOException {
        return JSON.fromString(new String(JSON.toByteArray(json), StandardCharsets.UTF_8), type);
    }
}
