package havoq;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** {@code havoq serve} on free ports, as a child process. */
final class Served {
  private static final long START_SECONDS = 30;
  private static final long STOP_SECONDS = 5;

  /** What it wrote to its ready file. */
  final JsonNode ready;

  // It runs in a folder of its own, so that no havoq.yaml of the project is found by chance.
  private final Path folder;
  private final Process process;
  private final Thread atExit = new Thread(this::end, "havoq-stop");

  Served(Havoq.Options options) {
    String program = findBinary(options.binary).toString();
    try {
      folder = Files.createTempDirectory("havoq-");
    } catch (IOException error) {
      throw new HavoqException("no folder for temporary files: " + error, error);
    }
    try {
      process = new ProcessBuilder(command(program, options))
          .directory(folder.toFile())
          .redirectInput(ProcessBuilder.Redirect.from(new File(isWindows() ? "NUL" : "/dev/null")))
          .redirectErrorStream(true)
          .redirectOutput(folder.resolve("log").toFile())
          .start();
    } catch (IOException error) {
      deleteFolder();
      throw new HavoqException("havoq cannot be started: " + error.getMessage(), error);
    }
    Runtime.getRuntime().addShutdownHook(atExit);
    try {
      ready = awaitReady();
    } catch (RuntimeException | Error error) {
      stop();
      throw error;
    }
  }

  private List<String> command(String program, Havoq.Options options) throws IOException {
    List<String> command = new ArrayList<>(List.of(program, "serve", "--quiet", "--admin", "--ready-file", "ready.json"));
    for (String port : List.of("kafka", "mqtt", "mqtt-websocket", "amqp", "admin")) command.addAll(List.of("--" + port + "-port", "0"));
    if (options.seed != null) command.addAll(List.of("--seed", options.seed.toString()));
    if (options.brokers != null) command.addAll(List.of("--kafka-brokers", options.brokers.toString()));
    if (options.plugins != null) command.addAll(List.of("--plugins", options.plugins.toAbsolutePath().toString()));
    if (options.config != null) {
      // JSON is YAML.
      Files.writeString(folder.resolve("config.yaml"), Api.text(options.config));
      command.addAll(List.of("--config", "config.yaml"));
    }
    command.addAll(options.args);
    return command;
  }

  /** What it has printed, as long as it runs. */
  String output() {
    try {
      return new String(Files.readAllBytes(folder.resolve("log")), StandardCharsets.UTF_8);
    } catch (IOException error) {
      return "";
    }
  }

  void stop() {
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException error) {
      // The JVM is about to end, and that thread does the same.
    }
    end();
  }

  private void end() {
    process.destroy();
    try {
      if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) process.destroyForcibly().waitFor();
    } catch (InterruptedException error) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
    deleteFolder();
  }

  private JsonNode awaitReady() {
    Path file = folder.resolve("ready.json");
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    try {
      // It appears at once and whole.
      while (!Files.exists(file)) {
        if (!process.isAlive()) throw new HavoqException("havoq ended with exit code " + process.exitValue() + "\n" + output(), null);
        if (System.nanoTime() > deadline) throw new HavoqException("havoq was not ready within " + START_SECONDS + " s\n" + output(), null);
        Thread.sleep(2);
      }
      return Api.JSON.readTree(file.toFile());
    } catch (IOException error) {
      throw new HavoqException("havoq's ready file: " + error, error);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
      throw new HavoqException("interrupted while havoq started", error);
    }
  }

  private void deleteFolder() {
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    } catch (IOException error) {
      // What is left lies in the folder for temporary files.
    }
  }

  /** The one given, that of HAVOQ_BINARY, or {@code havoq} on the PATH. */
  private static Path findBinary(Path given) {
    String variable = System.getenv("HAVOQ_BINARY");
    Path named = given != null ? given : variable == null || variable.isEmpty() ? null : Path.of(variable);
    if (named != null) {
      if (!Files.isExecutable(named)) throw new HavoqException("havoq not found: " + named + " cannot be run", null);
      return named.toAbsolutePath();
    }
    for (String place : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
      Path found = Path.of(place, isWindows() ? "havoq.exe" : "havoq");
      if (Files.isExecutable(found) && !Files.isDirectory(found)) return found.toAbsolutePath();
    }
    throw new HavoqException("havoq not found: set HAVOQ_BINARY, or put havoq on the PATH", null);
  }

  private static boolean isWindows() {
    return System.getProperty("os.name").startsWith("Windows");
  }
}
