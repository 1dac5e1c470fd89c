import java.io.File;
import java.io.FileInputStream;
import java.util.Collections;
import org.codehaus.mojo.animal_sniffer.SignatureChecker;
import org.codehaus.mojo.animal_sniffer.logging.PrintWriterLogger;

/** Prints each use of something that the lowest API level does not have. Arguments: the level's signature, the sources, the classes. */
public class ApiCheck {
  public static void main(String[] arguments) throws Exception {
    SignatureChecker checker = new SignatureChecker(
        new FileInputStream(arguments[0]), Collections.singleton("org.heliograph.agent.*"), new PrintWriterLogger(System.out));
    checker.setSourcePath(Collections.singletonList(new File(arguments[1])));
    checker.process(new File(arguments[2]));
  }
}
