package com.example;

import com.google.api.client.json.GenericJson;
import com.google.api.client.json.gson.GsonFactory;
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
    private static final String SANDBOX = System.getenv().getOrDefault("HELIOGRAPH_URL", "http://127.0.0.1:8080");
    private GenericJson made;

    public void beforeEach(ExtensionContext test) throws Exception {
        made = ask("POST", SANDBOX, "worlds", "{\"seed\": 1, \"now\": \"2030-01-01T00:00:00Z\"}");
    }

    public void afterEach(ExtensionContext test) throws Exception {
        ask("DELETE", SANDBOX, (String) made.get("name"), "");
    }

    String url() {
        return (String) made.get("url");
    }

    /** What docs/sandbox-api.md has: {@code World.ask("POST", world.url(), "clock:advance", "{\"duration\": \"60s\"}")}. */
    static GenericJson ask(String method, String url, String path, String body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/sandbox/v1/" + path))
                .method(method, HttpRequest.BodyPublishers.ofString(body)).build();
        HttpResponse<String> answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new IOException(answer.body());
        return GsonFactory.getDefaultInstance().fromString(answer.body(), GenericJson.class);
    }
}
