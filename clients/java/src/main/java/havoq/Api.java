package havoq;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Requests to havoq's HTTP API. */
final class Api {
  static final ObjectMapper JSON = new ObjectMapper();

  // The brokers are on this machine or nearby: no proxy stands between.
  private static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).proxy(HttpClient.Builder.NO_PROXY).build();

  final String url;
  private final String token;

  Api(String url, String token) {
    this.url = url.replaceAll("/+$", "");
    this.token = token;
  }

  /** Sends JSON, or nothing where {@code body} is null; answers with what came back. */
  JsonNode json(String method, String path, Object body) {
    try {
      return JSON.readTree(bytes(method, path, body == null ? null : JSON.writeValueAsBytes(body), "application/json"));
    } catch (IOException error) {
      throw new HavoqException(method + " " + path + ": " + error.getMessage(), error);
    }
  }

  byte[] bytes(String method, String path, byte[] body, String type) {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + path))
        .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(body));
    if (body != null) request.header("content-type", type);
    if (token != null) request.header("authorization", "Bearer " + token);
    HttpResponse<byte[]> response;
    try {
      // Without a limit: what waits is limited by the brokers' clock.
      response = HTTP.send(request.build(), BodyHandlers.ofByteArray());
    } catch (IOException error) {
      throw new HavoqException(url + " does not answer: " + error, error);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
      throw new HavoqException("interrupted while waiting for " + url, error);
    }
    if (response.statusCode() >= 400) throw refusal(response.statusCode(), response.body());
    return response.body();
  }

  private static HavoqException refusal(int status, byte[] body) {
    JsonNode problem;
    try {
      problem = JSON.readTree(body);
    } catch (IOException error) {
      problem = MissingNode.getInstance();
    }
    String text = new String(body, StandardCharsets.UTF_8);
    List<String> path = new ArrayList<>();
    problem.path("path").forEach(step -> path.add(step.asText()));
    return new HavoqException(
        status, problem.path("error").asText("HTTP " + status + ": " + text), List.copyOf(path), problem.path("didYouMean").asText(null));
  }

  /** JSON as text, for a file that is read as YAML. */
  static String text(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException error) {
      throw new HavoqException(error.getMessage(), error);
    }
  }
}
