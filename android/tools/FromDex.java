import com.googlecode.d2j.Method;
import com.googlecode.d2j.dex.Dex2jar;
import com.googlecode.d2j.dex.DexExceptionHandler;
import com.googlecode.d2j.node.DexMethodNode;
import java.nio.file.Files;
import java.nio.file.Paths;
import org.objectweb.asm.MethodVisitor;

/** Translates the dex of an APK back into Java's classes. Arguments: the dex, the jar to write. */
public class FromDex implements DexExceptionHandler {
  public static void main(String[] arguments) throws Exception {
    byte[] dex = Files.readAllBytes(Paths.get(arguments[0]));
    Dex2jar.from(dex).withExceptionHandler(new FromDex()).computeFrames(true).to(Paths.get(arguments[1]));
  }

  @Override
  public void handleFileException(Exception error) {
    throw new IllegalStateException(error);
  }

  /** A method that would throw only once it is called is no translation. */
  @Override
  public void handleMethodTranslateException(Method method, DexMethodNode node, MethodVisitor visitor, Exception error) {
    throw new IllegalStateException(method.toString(), error);
  }
}
