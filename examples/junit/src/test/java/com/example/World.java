package com.example;

import com.google.api.client.http.javanet.NetHttpTransport;
import com.google.api.client.json.GenericJson;
import com.google.api.client.json.JsonFactory;
import com.google.api.client.json.gson.GsonFactory;
import com.google.api.services.androidmanagement.v1.AndroidManagement;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** A world of Heliograph for each test: enterprise, phones and clock of its own, gone when the test has ended. */
final class World implements BeforeEachCallback, AfterEachCallback {
    private static final JsonFactory JSON = GsonFactory.getDefaultInstance();
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final String SANDBOX = System.getenv().getOrDefault("HELIOGRAPH_URL", "http://127.0.0.1:8080");

    private String name;
    private String url;
    AndroidManagement.Enterprises.Devices devices;

    @Override
    public void beforeEach(ExtensionContext context) throws Exception {
        GenericJson made = ask("POST", SANDBOX + "/sandbox/v1/worlds", "{\"seed\": 1, \"now\": \"2030-01-01T00:00:00Z\"}");
        name = (String) made.get("name");
        url = (String) made.get("url");
        devices = new AndroidManagement.Builder(new NetHttpTransport(), JSON, request -> {})
                .setRootUrl(url + "/").setApplicationName("my-emm").build().enterprises().devices();
    }

    @Override
    public void afterEach(ExtensionContext context) throws Exception {
        ask("DELETE", SANDBOX + "/sandbox/v1/" + name, "");
    }

    /** What docs/sandbox-api.md has: {@code steer("POST", "clock:advance", "{\"duration\": \"60s\"}")}. */
    GenericJson steer(String method, String path, String body) throws IOException, InterruptedException {
        return ask(method, url + "/sandbox/v1/" + path, body);
    }

    private static GenericJson ask(String method, String url, String body) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).method(method, HttpRequest.BodyPublishers.ofString(body)).build();
        HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IOException(answer.body());
        }
        return JSON.fromString(answer.body(), GenericJson.class);
    }
}
