package com.example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.api.client.http.javanet.NetHttpTransport;
import com.google.api.client.json.gson.GsonFactory;
import com.google.api.services.androidmanagement.v1.AndroidManagement;
import com.google.api.services.androidmanagement.v1.model.Command;
import com.google.api.services.androidmanagement.v1.model.Operation;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class CommandsTest {
    private static final String PHONE = "pixel8-a15-fully-managed";
    private static final String NAME = "enterprises/sandbox/devices/" + PHONE;

    @RegisterExtension
    final World world = new World();

    private AndroidManagement.Enterprises.Devices devices;

    /** Stands for the product under test, which is given the world's address. */
    @BeforeEach
    void client() {
        devices = new AndroidManagement.Builder(new NetHttpTransport(), GsonFactory.getDefaultInstance(), request -> {})
                .setRootUrl(world.url() + "/").setApplicationName("my-emm").build().enterprises().devices();
    }

    @Test
    void aLostPhoneShowsWhoToCall() throws Exception {
        // This client is older than the command: it sends what it is given.
        Command command = new Command().setType("START_LOST_MODE");
        command.set("startLostModeParams", Map.of("lostMessage", Map.of("defaultMessage", "Please call the owner.")));
        Operation issued = devices.issueCommand(NAME, command).execute();
        Operation operation = devices.operations().get(issued.getName()).execute();

        assertEquals(Map.of("status", "SUCCESS"), operation.getMetadata().get("startLostModeStatus"));
        Map<?, ?> phone = (Map<?, ?>) World.ask("GET", world.url(), "devices/" + PHONE, "").get("phone");
        assertEquals("Please call the owner.", ((Map<?, ?>) phone.get("lostMode")).get("message"));
    }

    @Test
    void aLockExpiresThatItsPhoneDoesNotHearOf() throws Exception {
        World.ask("PATCH", world.url(), "devices/" + PHONE, "{\"online\": false}");

        Operation issued = devices.issueCommand(NAME, new Command().setType("LOCK").setDuration("60s")).execute();
        World.ask("POST", world.url(), "clock:advance", "{\"duration\": \"61s\"}");
        Operation operation = devices.operations().get(issued.getName()).execute();

        assertTrue(operation.getDone());
        assertEquals(4, operation.getError().getCode());
    }
}
