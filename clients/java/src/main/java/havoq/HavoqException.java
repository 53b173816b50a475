package havoq;

import java.util.List;

/** What the HTTP API refused, in its own words; or that havoq could not be started or reached. */
public class HavoqException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final int status;
  private final transient List<String> path;
  private final String didYouMean;

  HavoqException(String message, Throwable cause) {
    super(message, cause);
    this.status = 0;
    this.path = List.of();
    this.didYouMean = null;
  }

  HavoqException(int status, String message, List<String> path, String didYouMean) {
    super(message);
    this.status = status;
    this.path = path;
    this.didYouMean = didYouMean;
  }

  /** Of the HTTP response; 0 where there was none. 504: a state was not reached in time. */
  public int status() {
    return status;
  }

  /** Where in what was sent, such as {@code [match, topic]}. */
  public List<String> path() {
    return path;
  }

  /** The nearest right word, or null. */
  public String didYouMean() {
    return didYouMean;
  }
}
