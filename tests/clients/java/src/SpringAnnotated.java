import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.config.TopicBuilder;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaAdmin;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.messaging.handler.annotation.SendTo;

/** An application as Spring builds it: topics that its KafkaAdmin makes, and methods that listen. */
@Configuration
@EnableKafka
class SpringAnnotated {
    final List<String> received = SpringKafkaCases.shared();

    @Bean
    KafkaAdmin admin() {
        return new KafkaAdmin(Map.of("bootstrap.servers", Cases.BROKERS));
    }

    @Bean
    NewTopic questions() {
        return TopicBuilder.name(Cases.unique("questions")).partitions(2).build();
    }

    @Bean
    NewTopic answers() {
        return TopicBuilder.name(Cases.unique("answers")).build();
    }

    @Bean
    DefaultKafkaProducerFactory<String, String> producers() {
        return new DefaultKafkaProducerFactory<>(Map.of("bootstrap.servers", Cases.BROKERS), new StringSerializer(), new StringSerializer());
    }

    @Bean
    KafkaTemplate<String, String> template() {
        return new KafkaTemplate<>(producers());
    }

    @Bean
    ConcurrentKafkaListenerContainerFactory<String, String> kafkaListenerContainerFactory() {
        var factory = new ConcurrentKafkaListenerContainerFactory<String, String>();
        factory.setConsumerFactory(SpringKafkaCases.consumers());
        factory.setReplyTemplate(template());
        return factory;
    }

    void ask(String question) throws Exception {
        var sent = template().send(questions().name(), "key", question).get();
        Cases.equal(template().partitionsFor(sent.getRecordMetadata().topic()).size(), 2, "partitions of the topic that KafkaAdmin made");
    }

    @KafkaListener(topics = "#{@questions.name()}", groupId = "#{@questions.name()}")
    @SendTo("#{@answers.name()}")
    String answer(String question, @Header(KafkaHeaders.RECEIVED_KEY) String key) {
        return key + ": " + question + "!";
    }

    @KafkaListener(topics = "#{@answers.name()}", groupId = "#{@answers.name()}")
    void note(String answer) {
        received.add(answer);
    }
}
